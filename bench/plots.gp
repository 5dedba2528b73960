# The plots of docs/performance.md, from the data files that waybill_bench
# writes. Usage: gnuplot -e "folder='…'" bench/plots.gp
set terminal svg noenhanced size 720,420 font "sans-serif,12" background "white"
set format y "%.0s%c"
set key bottom right
set grid ytics lc "#dddddd"
set style data linespoints

set output folder . "/throughput.svg"
set title "Enqueues a second by clients and window"
set xlabel "clients"
set ylabel "enqueues/s"
set logscale x 2
set logscale y
set xrange [0.9:300]
bundled = folder . "/throughput.dat"
single = folder . "/throughput_single_messages.dat"
plot bundled using 1:2 title "window 1" lc "#1f77b4" lw 2, \
     bundled using 1:3 title "window 16" lc "#d62728" lw 2, \
     bundled using 1:4 title "window 64" lc "#2ca02c" lw 2, \
     single using 1:2 title "window 1, a message a request" lc "#1f77b4" dt 2, \
     single using 1:3 title "window 16, a message a request" lc "#d62728" dt 2, \
     single using 1:4 title "window 64, a message a request" lc "#2ca02c" dt 2
unset logscale
unset xrange

set output folder . "/latency.svg"
set title "Latency of a request, by load (clients x window) and verb"
set xlabel ""
set ylabel "time"
set format y "%.0s %cs"
set key top left
set logscale y
set bmargin 7
set rmargin 9
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set xtics rotate by -35 scale 0
plot folder . "/latency.dat" \
       using ($3/1e6):xtic(strcol(1) . " " . strcol(2)) skip 1 title "p50", \
     "" using ($4/1e6) skip 1 title "p99", \
     "" using ($5/1e6) skip 1 title "p99.9"
unset logscale

set output folder . "/synchronous.svg"
set title "Operations a second by durability"
set ylabel "operations/s"
set format y "%.0s%c"
unset bmargin
unset rmargin
set xtics norotate scale 0
set logscale y
plot folder . "/synchronous.dat" \
       using 2:xtic(1) skip 1 title "enqueue", \
     "" using 3 skip 1 title "lifecycle", \
     "" using 4 skip 1 title "one at a time"

// The table of contents: every row, every process that a row starts.
#include "torture/rows.hpp"

namespace waybill::torture {

std::span<const row> rows() {
  static const std::vector<row> all{
    {1, "kill", "kill -9 at random moments, 16 clients", "cycles", 300, false,
     kill},
    {2, "power-loss", "power loss at every write and sync, eight variants",
     "states", 15'000, false, power_loss_row},
    {3, "vfs-faults", "every VFS call fails, once and for good, four errors",
     "calls", 1'000, false, vfs_faults},
    {4, "alloc-faults", "every SQLite allocation fails once", "allocations",
     500, false, alloc_faults},
    {5, "sync-faults", "the log's sync fails, then kill or power loss",
     "commits", 60, false, sync_faults},
    {6, "batch-faults", "a refusal, a rollback at each of 512 positions",
     "batches", 1024, false, batch_faults},
    {7, "disk-full", "a small file system runs full and is freed", "times", 30,
     false, disk_full},
    {8, "model", "random operations against a model, restarts, clock moves",
     "operations", 1'000'000, false, model_row},
    {9, "linearizability", "what 32 clients see of one id has one order",
     "histories", 10'000, false, linearizability},
    {10, "actor-death", "the tracking actor dies at every step of a batch",
     "deaths", 200, false, actor_death},
    {11, "flood", "many times what a disk with a sync of 50 ms can take",
     "requests", 1'000'000, true, flood},
    {12, "purge", "a purge while clients write", "purged rows", 980'000, true,
     purge_under_load},
    {13, "slow-reader", "a reader holds a snapshot under writes", "writes",
     2'000, false, slow_reader},
    {14, "owners", "processes race for one file, whoever has it is killed",
     "opens", 500, false, owners},
    {15, "damage", "damaged files", "damaged files", 20'000, false, damage_row},
    {15, "fuzz", "texts from outside, by libFuzzer", "inputs", 10'000, false,
     fuzz_row},
    {16, "clock", "clock back a day, forward a year, frozen", "moves", 200,
     false, clock_row},
    {17, "hostile-files", "hostile files and fields", "attacks", 200, false,
     hostile_files},
    {18, "sanitizers", "all tests under ASan, UBSan and leak checks; TSan",
     "tests", 100, false, sanitizers_row},
    {19, "planted-bugs", "bugs planted one at a time", "bugs", 20, false,
     planted_bugs_row},
  };
  return all;
}

std::span<const child> children() {
  static const std::vector<child> all{
    {"kill-writer", kill_writer},
    {"kill-inspector", kill_inspector},
    {"slow-reader", slow_reader_child},
    {"owners", owners_child},
  };
  return all;
}

} // namespace waybill::torture

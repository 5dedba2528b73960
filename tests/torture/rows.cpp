// The table of contents: every row, every process that a row starts.
#include "torture/rows.hpp"

namespace waybill::torture {

std::span<const row> rows() {
  static const std::vector<row> all{
    {1, "kill", "kill -9 at random moments, 16 clients", "cycles", 300,
     turn::any, kill},
    {2, "power-loss", "power loss at every write and sync, nine variants",
     "states", 12'000, turn::any, power_loss_row},
    {3, "vfs-faults", "every VFS call fails, once and for good, four errors",
     "calls", 1'000, turn::any, vfs_faults},
    {4, "alloc-faults", "every SQLite allocation fails once", "allocations",
     500, turn::any, alloc_faults},
    {5, "sync-faults", "the log's sync fails, then kill or power loss",
     "commits", 60, turn::any, sync_faults},
    {6, "batch-faults", "a refusal, a rollback at each of 512 positions",
     "batches", 256, turn::any, batch_faults},
    {7, "disk-full", "a small file system runs full and is freed", "times", 30,
     turn::alone, disk_full},
    {8, "model", "random operations against a model, restarts, clock moves",
     "operations", 250'000, turn::any, model_row},
    {9, "linearizability", "what 32 clients see of one id has one order",
     "histories", 2'500, turn::any, linearizability},
    {10, "actor-death", "the tracking actor dies at every step of a batch",
     "deaths", 200, turn::any, actor_death},
    {11, "flood", "many times what a disk with a sync of 50 ms can take",
     "requests", 1'000'000, turn::alone, flood},
    {12, "purge", "a purge while clients write", "purged rows", 200'000,
     turn::alone, purge_under_load},
    {13, "slow-reader", "a reader holds a snapshot under writes", "writes",
     2'000, turn::alone, slow_reader},
    {14, "owners", "processes race for one file, whoever has it is killed",
     "opens", 500, turn::alone, owners},
    {15, "damage", "damaged files, under ASan and UBSan", "damaged files",
     damaged_files_due, turn::first, sanitized_damage_row},
    {15, "fuzz", "texts from outside, by libFuzzer", "inputs", 10'000,
     turn::first, fuzz_row},
    {16, "clock", "clock back a day, forward a year, frozen", "moves", 200,
     turn::any, clock_row},
    {17, "hostile-files", "hostile files and fields", "attacks", 200, turn::any,
     hostile_files},
    {18, "sanitizers", "all tests under ASan, UBSan and leak checks; TSan",
     "tests", 100, turn::first, sanitizers_row},
    {19, "planted-bugs", "bugs planted one at a time", "bugs", 20, turn::first,
     planted_bugs_row},
    {20, "forward-kill",
     "kill -9 while calls are taken, delivered and requeued", "cycles", 60,
     turn::any, forward_kill},
    {21, "forward-power-loss", "power loss while calls are taken and delivered",
     "states", 1'500, turn::any, forward_power_loss},
    {22, "forward-disk-full", "a full disk while calls are taken and delivered",
     "times", 6, turn::alone, forward_disk_full},
    {23, "forward-actor-death",
     "the tracking actor dies while calls are taken and delivered", "deaths",
     20, turn::any, forward_actor_death},
  };
  return all;
}

std::span<const child> children() {
  static const std::vector<child> all{
    {"kill-writer", kill_writer},       {"forward-writer", forward_writer},
    {"kill-inspector", kill_inspector}, {"slow-reader", slow_reader_child},
    {"owners", owners_child},
  };
  return all;
}

} // namespace waybill::torture

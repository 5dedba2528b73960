// The functions behind the rows, one file each, named as the row.
#pragma once

#include "torture/torture.hpp"

namespace waybill::torture {

/// Of row 15 in a quick run, which two programs have in their tables.
inline constexpr std::int64_t damaged_files_due = 1'700;

void kill(report& r); // 1
int forward_writer(const std::vector<std::string>& arguments);
int kill_writer(const std::vector<std::string>& words);
int kill_inspector(const std::vector<std::string>& words);
void power_loss_row(report& r);      // 2
void vfs_faults(report& r);          // 3
void alloc_faults(report& r);        // 4
void forward_kill(report& r);        // 20
void forward_power_loss(report& r);  // 21
void forward_disk_full(report& r);   // 22
void forward_actor_death(report& r); // 23
void sync_faults(report& r);         // 5
void batch_faults(report& r);        // 6
void disk_full(report& r);           // 7
void model_row(report& r);           // 8
void linearizability(report& r);     // 9
void actor_death(report& r);         // 10
void flood(report& r);               // 11
void purge_under_load(report& r);    // 12
void slow_reader(report& r);         // 13
int slow_reader_child(const std::vector<std::string>& words);
void owners(report& r); // 14
int owners_child(const std::vector<std::string>& words);
void damage_row(report& r);           // 15, in sanitized_rows
void sanitized_damage_row(report& r); // 15, runs that
void fuzz_row(report& r);             // 15
void clock_row(report& r);            // 16
void hostile_files(report& r);        // 17
void sanitizers_row(report& r);       // 18
void planted_bugs_row(report& r);     // 19

} // namespace waybill::torture

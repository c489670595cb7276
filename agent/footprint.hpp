#pragma once
// How little memory the agent keeps: it runs beside others' containers on every host, for years.

namespace dadvisor::agent {

// One heap for all threads, which shrinks as soon as something great was freed. To be called first
// of all, before there is another thread.
void keep_heap_small();

// Gives back what is mapped and not in use: holes in the heap, and the pages of the program itself
// that its start alone ran through (sixteen at a time come back from the page cache, which keeps
// them, as they are needed: some 50 us in all). Any thread.
void give_back_memory();

}  // namespace dadvisor::agent

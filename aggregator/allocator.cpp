// How jemalloc, which is linked in place of glibc's allocator, is to behave. It reads this name
// before main (jemalloc(3), TUNING).

// Two arenas: the store thread and the one that answers. Pages that are free for a second go back.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0";
}

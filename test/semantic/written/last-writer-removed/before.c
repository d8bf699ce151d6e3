// Without its last write a variable is a constant for the compiler; in the running kernel it has been written.
// entries: set get
// may: diff.static-data-removed diff.static-local-removed
static unsigned limit = 10;
unsigned set(unsigned a, unsigned b) { limit = a; return b; }
unsigned get(unsigned a, unsigned b) { return a + limit; }

static unsigned version;
static unsigned limit = 10;
unsigned set(unsigned a, unsigned b) { if (!version) limit = a; return b; }
unsigned get(unsigned a, unsigned b) { return a + limit; }
void oracle_switch(unsigned to) { version = to; }

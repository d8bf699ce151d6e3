static unsigned limit = 10;
unsigned set(unsigned a, unsigned b) { return b; }
unsigned get(unsigned a, unsigned b) { return a + limit; }

extern void out(unsigned, unsigned long);
static unsigned version;
static struct { unsigned a, b, c; } s;
unsigned set(unsigned x, unsigned y)
{
    if (x & 1)
        s.a = x;
    s.b = y;
    return 0;
}
unsigned get(unsigned x, unsigned y)
{
    if (!version)
        out(1, s.a);
    out(2, s.b);
    if (version)
        out(1, s.a);
    return 0;
}
void oracle_switch(unsigned to) { version = to; }

extern void out(unsigned, unsigned long);
static struct { unsigned a, b, c; } s;
unsigned set(unsigned x, unsigned y)
{
    s.b = y;
    if (x & 1)
        s.a = x;
    return 0;
}
unsigned get(unsigned x, unsigned y)
{
    out(2, s.b);
    out(1, s.a);
    return 0;
}

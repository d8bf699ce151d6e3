// A compiler takes the structure apart and numbers the parts; the patch lets two uses change places.
// entries: set get
// may: diff.static-local diff.ambiguous
extern void out(unsigned, unsigned long);
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
    out(1, s.a);
    out(2, s.b);
    return 0;
}

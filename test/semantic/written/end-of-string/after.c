extern void out(unsigned, unsigned long);
unsigned f(unsigned a, unsigned b)
{
    for (unsigned i = 0; i < sizeof("0123456789abcdef"); i++)
        out(1, "0123456789abcdef"[i]);
    return a;
}

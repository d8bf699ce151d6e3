extern void out(unsigned, unsigned long);
unsigned account(unsigned fast, unsigned b)
{
    fast &= 1;
    if (!fast) {
        static int count;
        out(2, count += 10);
    } else {
        static int count;
        out(1, ++count);
    }
    return 0;
}

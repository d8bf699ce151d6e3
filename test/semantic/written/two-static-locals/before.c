// Two static locals of one name change places with their branches.
// entries: account
// may: diff.static-local diff.ambiguous
extern void out(unsigned, unsigned long);
unsigned account(unsigned fast, unsigned b)
{
    fast &= 1;
    if (fast) {
        static int count;
        out(1, ++count);
    } else {
        static int count;
        out(2, count += 10);
    }
    return 0;
}

extern void out(unsigned, unsigned long);
static int fast_count, slow_count;
unsigned account(unsigned fast, unsigned b)
{
    if (fast & 1)
        out(1, ++fast_count);
    else
        out(2, slow_count += 10);
    return 0;
}
void oracle_switch(unsigned to) {}

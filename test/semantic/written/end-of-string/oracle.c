extern void out(unsigned, unsigned long);
static unsigned version;
static const char text[] = "0123456789abcdef";
unsigned f(unsigned a, unsigned b)
{
    if (!version)
        out(1, 'x');
    for (unsigned i = 0; version && i < sizeof(text); i++)
        out(1, text[i]);
    return a;
}
void oracle_switch(unsigned to) { version = to; }

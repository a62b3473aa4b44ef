// In a static library: knows nothing of regions.
int cells[8];

void put_cell(int at, int value) { cells[at] = value; }

// Two libraries of one layout, which differ in what they write.
int word;
void put(int value) { word = value + WHICH; }

int other_counter;

void fill(int* to, int count) {
  for (int i = 0; i < count; i++) to[i] = i;
  other_counter++;
}

vec3 product(vec3 a, vec3 b) { return vec3(a.x * b.x, a.yz * b.x + a.x * b.yz); }
vec3 larger(vec3 a, vec3 b) { return b.x > a.x ? b : a; }
vec3 smaller(vec3 a, vec3 b) { return b.x < a.x ? b : a; }
vec3 larger_size(vec3 a, vec3 b) { return abs(b.x) > abs(a.x) ? b : a; }
void sort(inout vec3 a, inout vec3 b) { if (a.x > b.x) { vec3 c = a; a = b; b = c; } }

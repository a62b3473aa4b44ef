// The precompiled parts of libstdc++'s containers, by layout (stable since GCC 3.4). Each logs a
// superset of what the original may write, and calls it.
#include <initializer_list>

#include "region/effect.h"
#include "region/mutant.h"

using belay::region::log_bytes;

namespace {

struct TreeNode {
  int color;
  TreeNode *parent, *left, *right;
};

struct ListNode {
  ListNode *next, *previous;
};

void log_list_node(ListNode* node) {
  if (!BELAY_MUTANT(lists_not_logged)) log_bytes(node, sizeof *node);
}

// A node and what hangs from it, `levels` deep.
void log_subtree(TreeNode* node, int levels) {
  if (node == nullptr) return;
  log_bytes(node, sizeof *node);
  if (levels == 0) return;
  log_subtree(node->left, levels - 1);
  log_subtree(node->right, levels - 1);
}

// Rebalancing goes from `node` upwards, and rotates what hangs from that path.
void log_path(TreeNode* node, TreeNode* header, int levels) {
  if (BELAY_MUTANT(trees_not_logged)) return;
  log_bytes(header, sizeof *header);
  for (; node != nullptr && node != header; node = node->parent) log_subtree(node, levels);
}

}  // namespace

#define BELAY_WEAK extern "C" __attribute__((weak))

// Of each node on the path, a rotation gives a child another parent.
BELAY_WEAK void _ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_(bool left,
                                                                                  TreeNode* node,
                                                                                  TreeNode* parent,
                                                                                  TreeNode* header);
EFFECT(void, _ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_,
       (bool left, TreeNode* node, TreeNode* parent, TreeNode* header)) {
  log_bytes(node, sizeof *node);
  log_path(parent, header, 1);
  _ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_(left, node, parent, header);
}

// Erasing rotates the sibling of a path's node, and the sibling's child: three levels below.
BELAY_WEAK TreeNode* _ZSt28_Rb_tree_rebalance_for_erasePSt18_Rb_tree_node_baseRS_(TreeNode* node,
                                                                                  TreeNode* header);
EFFECT(TreeNode*, _ZSt28_Rb_tree_rebalance_for_erasePSt18_Rb_tree_node_baseRS_,
       (TreeNode * node, TreeNode* header)) {
  TreeNode* lowest = node;
  if (node->left != nullptr && node->right != nullptr)
    for (lowest = node->right; lowest->left != nullptr;) lowest = lowest->left;
  log_path(lowest, header, 3);
  return _ZSt28_Rb_tree_rebalance_for_erasePSt18_Rb_tree_node_baseRS_(node, header);
}

EFFECT(void, _ZNSt8__detail15_List_node_base7_M_hookEPS0_, (ListNode * self, ListNode* before)) {
  log_list_node(self);
  log_list_node(before);
  log_list_node(before->previous);
  *self = {before, before->previous};
  before->previous->next = self;
  before->previous = self;
}

EFFECT(void, _ZNSt8__detail15_List_node_base9_M_unhookEv, (ListNode * self)) {
  log_list_node(self->next);
  log_list_node(self->previous);
  self->previous->next = self->next;
  self->next->previous = self->previous;
}

BELAY_WEAK void _ZNSt8__detail15_List_node_base11_M_transferEPS0_S1_(ListNode*, ListNode*,
                                                                     ListNode*);
EFFECT(void, _ZNSt8__detail15_List_node_base11_M_transferEPS0_S1_,
       (ListNode * self, ListNode* first, ListNode* last)) {
  for (ListNode* node : {self, self->previous, first, first->previous, last, last->previous})
    log_list_node(node);
  _ZNSt8__detail15_List_node_base11_M_transferEPS0_S1_(self, first, last);
}

BELAY_WEAK void _ZNSt8__detail15_List_node_base10_M_reverseEv(ListNode*);
EFFECT(void, _ZNSt8__detail15_List_node_base10_M_reverseEv, (ListNode * self)) {
  ListNode* node = self;
  do {
    log_list_node(node);
    node = node->next;
  } while (node != self);
  _ZNSt8__detail15_List_node_base10_M_reverseEv(self);
}

BELAY_WEAK void _ZNSt8__detail15_List_node_base4swapERS0_S1_(ListNode*, ListNode*);
EFFECT(void, _ZNSt8__detail15_List_node_base4swapERS0_S1_, (ListNode * a, ListNode* b)) {
  for (ListNode* node : {a, a->next, a->previous, b, b->next, b->previous}) log_list_node(node);
  _ZNSt8__detail15_List_node_base4swapERS0_S1_(a, b);
}

// <charconv>: results are a pointer and an error code, in two registers.
struct Chars {
  char* end;
  int error;
};
BELAY_WEAK Chars _ZSt10from_charsPKcS0_RdSt12chars_format(const char*, const char*, double*, int);
EFFECT(Chars, _ZSt10from_charsPKcS0_RdSt12chars_format,
       (const char* first, const char* last, double* out, int format)) {
  log_bytes(out, sizeof *out);
  return _ZSt10from_charsPKcS0_RdSt12chars_format(first, last, out, format);
}
BELAY_WEAK Chars _ZSt8to_charsPcS_d(char*, char*, double);
EFFECT(Chars, _ZSt8to_charsPcS_d, (char* first, char* last, double value)) {
  log_bytes(first, static_cast<size_t>(last - first));
  return _ZSt8to_charsPcS_d(first, last, value);
}

// A float and the size at which to grow next, which these update.
constexpr size_t kRehashPolicyBytes = 16;

struct Rehash {
  bool needed;
  size_t buckets;
};
BELAY_WEAK Rehash _ZNKSt8__detail20_Prime_rehash_policy14_M_need_rehashEmmm(void*, size_t, size_t,
                                                                            size_t);
EFFECT(Rehash, _ZNKSt8__detail20_Prime_rehash_policy14_M_need_rehashEmmm,
       (void* self, size_t buckets, size_t elements, size_t more)) {
  if (!BELAY_MUTANT(rehash_not_logged)) log_bytes(self, kRehashPolicyBytes);
  return _ZNKSt8__detail20_Prime_rehash_policy14_M_need_rehashEmmm(self, buckets, elements, more);
}

BELAY_WEAK size_t _ZNKSt8__detail20_Prime_rehash_policy11_M_next_bktEm(void*, size_t);
EFFECT(size_t, _ZNKSt8__detail20_Prime_rehash_policy11_M_next_bktEm, (void* self, size_t buckets)) {
  if (!BELAY_MUTANT(rehash_not_logged)) log_bytes(self, kRehashPolicyBytes);
  return _ZNKSt8__detail20_Prime_rehash_policy11_M_next_bktEm(self, buckets);
}

#undef BELAY_WEAK

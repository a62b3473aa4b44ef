// How the two ends of a TLS connection prove that they know the token, without sending it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/error.h"

struct ssl_st;

namespace belay {

constexpr size_t kProofBytes = 32;
using ProofBytes = std::array<uint8_t, kProofBytes>;

// HMAC-SHA256(token, role, challenge, the exporter value of this TLS connection): of no use on any
// other connection, to whoever has seen it.
Result<ProofBytes> token_proof(std::string_view token, std::string_view role,
                               const ProofBytes& challenge, ssl_st* connection);
// Takes the same time wherever they differ.
bool same_proof(const ProofBytes& a, const ProofBytes& b);

}  // namespace belay

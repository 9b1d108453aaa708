// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

// Contracts that answer whatever they are asked, and never as ERC-1271 has it.

uint256 constant MAGIC = 0x1626ba7e00000000000000000000000000000000000000000000000000000000;

contract Reverting {
    fallback() external {
        assembly {
            mstore(0, MAGIC)
            revert(0, 32)
        }
    }
}

contract Burning {
    fallback() external {
        while (true) {}
    }
}

contract Long {
    fallback() external {
        assembly {
            mstore(0, MAGIC)
            return(0, 102400)
        }
    }
}

/// Its answer begins with the selector of what it was asked, which is the magic value.
contract Echoing {
    fallback() external {
        assembly {
            calldatacopy(0, 0, calldatasize())
            return(0, calldatasize())
        }
    }
}

contract Dirty {
    fallback() external {
        assembly {
            mstore(0, or(MAGIC, 1))
            return(0, 32)
        }
    }
}

contract Short {
    fallback() external {
        assembly {
            mstore(0, MAGIC)
            return(0, 4)
        }
    }
}

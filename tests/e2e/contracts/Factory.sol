// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import "./Wallet.sol";

/// Where a wallet will be is known before it is there: CREATE2, EIP-1014.
contract Factory {
    function create(address owner, bytes32 salt) external {
        new Wallet{salt: salt}(owner);
    }

    function predict(address owner, bytes32 salt) external view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(Wallet).creationCode, abi.encode(owner)));
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, code));
        return address(uint160(uint256(hash)));
    }
}

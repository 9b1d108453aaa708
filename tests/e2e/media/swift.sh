#!/usr/bin/env bash
# usage: swift.sh DIR PROXY ACCOUNT CONTAINER OBJECT MEMCACHED
#
# An object store of one machine, Debian's swift with s3api, on these ports of 127.0.0.1 and
# with its files in DIR, until SIGTERM. For swift.mjs, which starts it in a mount namespace of
# its own: what is in /etc/swift there nobody else sees.
set -eu
dir=$1 proxy=$2 account=$3 container=$4 object=$5 memcached=$6
here=$(dirname "${BASH_SOURCE[0]}")
etc=$dir/etc
pids=()

storage() { # storage KIND PORT
    mkdir -p "$dir/node/d1"
    cat >"$etc/$1-server.conf" <<END
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
user = root
workers = 0
swift_dir = /etc/swift
devices = $dir/node
mount_check = false
[pipeline:main]
pipeline = $1-server
[app:$1-server]
use = egg:swift#$1
END
}

run() { # run NAME COMMAND...
    local name=$1
    shift
    "$@" >"$dir/$name.log" 2>&1 &
    pids+=($!)
}

stop() {
    trap '' TERM
    kill "${pids[@]}" 2>/dev/null || true
    wait
    exit 0
}

mkdir -p "$etc"
cat >"$etc/swift.conf" <<END
[swift-hash]
swift_hash_path_prefix = parley
swift_hash_path_suffix = tests
[storage-policy:0]
name = one
default = yes
END
sed -e "s/@PROXY@/$proxy/" -e "s/@MEMCACHED@/$memcached/" "$here/swift-proxy.conf" \
    >"$etc/proxy-server.conf"
storage account "$account"
storage container "$container"
storage object "$object"
/usr/bin/python3 "$here/swift_rings.py" "$etc" "account=$account" "container=$container" \
    "object=$object"
mount --bind "$etc" /etc/swift

trap stop TERM INT
run memcached memcached -u root -l 127.0.0.1 -p "$memcached" -U 0 -m 16
run account swift-account-server /etc/swift/account-server.conf
run container swift-container-server /etc/swift/container-server.conf
run object swift-object-server /etc/swift/object-server.conf
run proxy swift-proxy-server /etc/swift/proxy-server.conf
wait -n || true # one that ends by itself ends the store
stop

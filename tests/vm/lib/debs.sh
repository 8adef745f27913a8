# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Debian packages, built in a root file system that has a release and what debian/control asks for, and
# nothing else; of ../../package, and for scenarios with "# package: yes", which find them in packages/.

# What debian/control cannot ask for, since it is what builds.
PACKAGING_PACKAGES=(build-essential debhelper dh-sequence-installsysusers lintian)

packaging_packages() {
    join_by_comma "${PACKAGING_PACKAGES[@]}" "$(build_packages "$1")"
}

packaging_dir() {
    echo "$VM_CACHE/$1/packaging-$(digest "$1" "$(packaging_packages "$1")" -- "$VM_TOP/lib/packages.sh")"
}

make_packaging() {
    debootstrap_into "$1" "$2/root" "$(packaging_packages "$1")"
    mkdir -p "$2/root/src" "$2/root/build"
}

prepare_packaging() {
    local dir
    dir=$(packaging_dir "$1")
    layer "$dir" make_packaging "$1"
    hold_layer "$dir"
    prune_layers 3 "$VM_CACHE/$1"/packaging-*
}

package_version() {
    sed -n '1s/.*(\(.*\)).*/\1/p' "$VM_SOURCE/debian/changelog"
}

upstream_version() {
    local version
    version=$(package_version)
    echo "${version%-*}"
}

# The time of the changelog's newest entry, which is that of all that is made.
source_epoch() {
    date -d "$(sed -n 's/^ -- .*>  //p' "$VM_SOURCE/debian/changelog" | head -n 1)" +%s
}

# What goes into the source package: what git knows, or all where there is no git.
source_files() {
    if [[ -e $VM_SOURCE/.git ]]; then
        git -C "$VM_SOURCE" ls-files -z
    else
        (cd "$VM_SOURCE" && find . -type f ! -path './build*' -printf '%P\0')
    fi | LC_ALL=C sort -z
}

# copy_source DIR
copy_source() {
    mkdir -p "$1"
    source_files | tar -c -C "$VM_SOURCE" --no-recursion --null --files-from=- | tar -x -C "$1"
}

# unpack_source DIR: DIR/phoenixd-VERSION and its archive, with the same bytes each time.
unpack_source() {
    local dir=$1 upstream
    upstream=$(upstream_version)
    copy_source "$dir/phoenixd-$upstream"
    tar -c -C "$dir" --sort=name --mtime="@$(source_epoch)" --owner=0 --group=0 --numeric-owner --mode=u+rwX,go=rX \
        --exclude="phoenixd-$upstream/debian" "phoenixd-$upstream" | xz -T1 >"$dir/phoenixd_$upstream.orig.tar.xz"
}

# build_package RELEASE DIR PLACE [VARIABLE=VALUE...]: sources and packages in DIR, which is PLACE to the build, by a
# user without any right.
build_package() {
    local release=$1 dir=$2 place=$3 user=1234 root
    shift 3
    root=$(packaging_dir "$release")/root
    unpack_source "$dir"
    chown -R "$user:$user" "$dir"
    mkdir -p "$root$place"
    # The namespace wants something at /src; what is built is in the source package.
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_buildroot "$root" --bind "$VM_SOURCE/debian" /src --bind "$dir" "$place" \
        setpriv --reuid="$user" --regid="$user" --clear-groups env HOME=/nonexistent "$@" \
        sh -ec 'umask ${UMASK:-022}; cd "$0" && dpkg-buildpackage -us -uc' "$place/phoenixd-$(upstream_version)" \
        >"$dir/log" 2>&1 || {
        tail -n 40 "$dir/log" >&2
        die "the package cannot be built for $release: all of it is in $dir/log"
    }
}

# packages_dir SUITE: a layer; its name says what it was built from.
packages_dir() {
    echo "$VM_CACHE/$1/packages-$(digest "$(layer_id "$(packaging_dir "$1")")" "$(source_digest)" -- "$VM_TOP/lib/debs.sh")"
}

# Tests are in the source package, and change nothing of what is installed.
source_digest() {
    (cd "$VM_SOURCE" && source_files | grep -zv '^tests/' | xargs -0 sha256sum | sha256sum | cut -c1-16)
}

make_packages() {
    mkdir "$2/work"
    build_package "$1" "$2/work" /build
    mv "$2"/work/phoenixd{,-dbgsym}_* "$2/"
    chown 0:0 "$2"/phoenixd*
    rm -rf "$2/work"
}

# prepare_packages SUITE: sets VM_PACKAGES.
prepare_packages() {
    prepare_packaging "$1"
    VM_PACKAGES=$(packages_dir "$1")
    layer "$VM_PACKAGES" make_packages "$1"
    hold_layer "$VM_PACKAGES"
    prune_layers 4 "$VM_CACHE/$1"/packages-*
}

package_file() {
    echo "$VM_PACKAGES"/phoenixd_*.deb
}

# archive_dir SUITE DIRECTORY: a layer, with the disk of an archive of Debian packages.
archive_dir() {
    local files
    mapfile -t files < <(find "$2" "$VM_SOURCE/config/site" -type f | LC_ALL=C sort)
    echo "$VM_CACHE/$1/archive-$(digest "$(layer_id "$VM_PACKAGES")" -- "$VM_TOP/lib/debs.sh" "${files[@]}")"
}

# build_site SUITE DIR VERSION FILES...: the template of a site package with what is in FILES, checked by lintian. The
# build root has no phoenixd, which would check the profiles.
build_site() {
    local root files tree=$2/example-phoenixd-site-$3
    root=$(packaging_dir "$1")/root
    cp -r "$VM_SOURCE/config/site" "$tree"
    for files in "${@:4}"; do
        cp -r "$files/." "$tree/"
    done
    sed -i "1s/(.*)/($3)/" "$tree/debian/changelog"
    chown -R 1234:1234 "$2"
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_buildroot "$root" --bind "$VM_SOURCE/debian" /src --bind "$2" /build \
        setpriv --reuid=1234 --regid=1234 --clear-groups env HOME=/nonexistent sh -ec '
            cd "$0" && dpkg-buildpackage -us -uc --build-profiles=nocheck
            lintian --fail-on error,warning ../*_"$1"_*.changes' "/build/$(basename "$tree")" "$3" \
        >"$2/log" 2>&1 || {
        tail -n 40 "$2/log" >&2
        die "the site package cannot be built for $1"
    }
}

# In "1" the first version of the site package and phoenixd, in "2" the second as well; each is an archive. The second
# version has the files of the first, and its own in their places.
make_archive() {
    local suite=$1 from=$2 dir=$3 version files=()
    mkdir -p "$dir/build" "$dir"/archive/{1,2}
    for version in 1 2; do
        files+=("$from/$version")
        build_site "$suite" "$dir/build" "1.$version" "${files[@]}"
        cp "$dir/build/"*.deb "$(package_file)" "$dir/archive/$version/"
        in_buildroot "$(packaging_dir "$suite")/root" --bind "$VM_SOURCE/debian" /src --bind "$dir/archive/$version" /build \
            sh -ec 'cd /build && dpkg-scanpackages --multiversion . >Packages' 2>/dev/null
    done
    mke2fs -q -t ext4 -L archive -d "$dir/archive" "$dir/archive.img" 32M >/dev/null
    rm -rf --one-file-system "$dir/build" "$dir/archive"
}

# prepare_archive SUITE DIRECTORY: sets VM_ARCHIVE.
prepare_archive() {
    prepare_packages "$1"
    VM_ARCHIVE=$(archive_dir "$1" "$2")
    layer "$VM_ARCHIVE" make_archive "$1" "$2"
    hold_layer "$VM_ARCHIVE"
    prune_layers 2 "$VM_CACHE/$1"/archive-*
}

extension Tool {
    static let all = coreutils + searching + comparing + copying + showing + languages + system

    private static let coreutils = [
        Tool(
            "ls",
            "everything with modes, owners, sizes and times",
            // Neither the blocks nor the link counts and sizes of directories are those of another filesystem.
            """
            ls -lAR --time-style=full-iso | awk '$1 == "total" {next} {$2 = ""; if (/^d/) $5 = ""; print}'
            ls -R --color=always
            """
        ),
        Tool(
            "cat, tac",
            "all files; the newest versions by way of `latest`",
            """
            find . -type f -print0 | sort -z | xargs -0 cat
            cat $(ls -d @*/*/latest/content.md)
            tac @acme/*/v1/content.md
            """
        ),
        Tool(
            "head, tail",
            "the ends of texts",
            "head -c 100 -q @*/*/latest/*.md; tail -c 100 -q @*/*/latest/*.md; tail -n 2 @acme/*/v1/content.md"
        ),
        Tool("wc", "lines, words and bytes of texts", "find . -name '*.md' -print0 | sort -z | wc --files0-from=-"),
        Tool(
            "sort, uniq, cut, nl, comm",
            "lines of versions put together",
            """
            sort @acme/*/v1/content.md | uniq -c | cut -c 1-60
            nl @alice/*/v1/content.md
            comm <(sort @acme/refund-decision/v1/content.md) <(sort @acme/refund-decision/v2/content.md)
            """
        ),
        Tool(
            "stat",
            "modes, owners, sizes, times of files",
            "find . ! -type d -print0 | sort -z | xargs -0 stat -c '%n %s %a %F %U %G %h %Y'"
        ),
        Tool(
            "sha256sum, md5sum, b2sum, cksum, sum",
            "all files",
            """
            for sum in sha256sum md5sum b2sum cksum sum; do
                find . -type f -print0 | sort -z | xargs -0 "$sum"
            done
            """
        ),
        Tool("od", "an image, byte by byte", "od -A x -t x1z @acme/release-notes/v3/context/logo.png"),
        Tool(
            "split, dd",
            "parts of an attachment",
            """
            split -b 100k @acme/call-summary/v1/context/hold-music.wav "$OTHER/part-"
            sha256sum "$OTHER"/part-*
            dd if=@acme/call-summary/v1/context/hold-music.wav bs=1000 skip=100 count=50 status=none | sha256sum
            """
        ),
        Tool("du", "sizes of files", "find . -type f -print0 | du -cb --files0-from=- | sort"),
        Tool(
            "du",
            "blocks of a file",
            "du --block-size=1 @acme/sales-email/v1/content.md",
            .prints(
                "512\t@acme/sales-email/v1/content.md\n",
                because: "in blocks of 512 bytes; what a copy takes depends on its disk"
            )
        ),
        Tool(
            "readlink, realpath",
            "`latest`",
            "readlink @*/*/latest; realpath --relative-to=. @*/*/latest/content.md"
        ),
        Tool(
            "test",
            "kinds, permissions and ages",
            """
            for file in @acme/* @acme/*/latest @acme/*/v1/*; do
                for kind in -e -f -d -L -r -x; do test "$kind" "$file" && echo "$kind $file"; done
            done
            for file in @acme/*/v1/*.*; do test -s "$file" && echo "$file"; done
            test @acme/sales-email/v2/content.md -nt @acme/sales-email/v1/content.md && echo newer
            """
        ),
        Tool(
            "test",
            "whether a file can be written",
            "test -w @acme/sales-email/v1/content.md && echo yes || echo no",
            .prints("no\n", because: "read-only for root, too")
        ),
        Tool(
            "install",
            "a file elsewhere, with its time",
            """
            install -D -m 600 -p @acme/release-notes/v3/context/logo.png "$OTHER/new/logo.png"
            stat -c '%a %s %y' "$OTHER/new/logo.png"
            """
        ),
        Tool(
            "df",
            "the filesystem",
            "df --output=fstype . | tail -n 1",
            .prints("fuse.claro\n", because: "it is one of its own, without blocks that could be used up")
        ),
    ]

    private static let searching = [
        Tool(
            "grep",
            "all files, with and without lines",
            "grep -rn the . | sort; grep -rc '' . | sort; grep -rl refund . | sort; grep -rL refund . | sort"
        ),
        Tool(
            "ripgrep",
            "all files, with and without mmap",
            """
            for way in --mmap --no-mmap; do rg -uu --no-config --sort path "$way" -n the .; done
            rg --no-config --files . | sort
            """
        ),
        Tool(
            "fd",
            "by type, extension and time",
            """
            fdfind --unrestricted . | sort
            fdfind --extension md --changed-before 2025-02-01 . | sort
            fdfind --type l --exec readlink {} | sort
            """
        ),
        Tool(
            "find",
            "by type, size and time",
            """
            find . ! -type d -printf '%P %y %m %n %U %G %s %T@ %l\\n' | sort
            find . -type d -printf '%P %m %U %G %T@\\n' | sort
            find . -newer @acme/refund-decision/v1/content.md | sort
            find -L . -name content.md -size +1 | sort
            """
        ),
        Tool("xargs", "many processes at once", "find . -name '*.md' -print0 | xargs -0 -P 8 -n 1 sha256sum | sort"),
        Tool(
            "sed, awk",
            "changes on the way, and counts",
            "sed -n 's/the/THE/p' @*/*/*/*.md; awk '{ words += NF } END { print NR, words }' @*/*/*/*.md"
        ),
    ]

    private static let comparing = [
        Tool(
            "diff, cmp",
            "two versions",
            """
            diff -r @acme/customer-support/v1 @acme/customer-support/v2
            diff -u @acme/refund-decision/v1/content.md @acme/refund-decision/v2/content.md
            cmp @acme/sales-email/v1/content.md @acme/sales-email/v2/content.md
            """
        ),
        Tool(
            "git",
            "`diff --no-index` of two versions",
            "git --no-pager diff --no-index --stat -p @acme/customer-support/v1 @acme/customer-support/v2"
        ),
        Tool(
            "git",
            "the library as work tree: `add`, `write-tree`, `status`, `grep`",
            """
            git init -q "$OTHER"
            export GIT_DIR="$OTHER/.git" GIT_WORK_TREE=.
            git add -A && git write-tree && git status --porcelain && git grep -c the && git diff --stat
            """
        ),
        Tool(
            "git",
            "a work tree that the library is in",
            """
            git init -q "$OTHER"
            export GIT_DIR="$OTHER/.git" GIT_WORK_TREE="$PWD/.."
            git add . && git write-tree --prefix="$(basename "$PWD")/" && git status --porcelain -- . | cut -c 10-
            """
        ),
    ]

    private static let copying = [
        Tool(
            "cp",
            "`-a`",
            """
            cp -a . "$OTHER/copy" && cd "$OTHER/copy"
            find . -printf '%P %y %m %T@ %l\\n' | sort
            find . -type f -print0 | sort -z | xargs -0 sha256sum
            """
        ),
        Tool(
            "tar",
            "an archive, its list, and what is unpacked",
            """
            tar --sort=name --numeric-owner -cf "$OTHER/library.tar" .
            sha256sum < "$OTHER/library.tar"
            tar --numeric-owner -tvf "$OTHER/library.tar"
            tar --compare -f "$OTHER/library.tar"
            mkdir "$OTHER/copy" && tar -C "$OTHER/copy" -xpf "$OTHER/library.tar" && diff -r --no-dereference . "$OTHER/copy"
            """
        ),
        Tool(
            "cpio",
            "an archive of the files, and a copy",
            """
            find . ! -type d | sort | cpio --quiet -o -H newc --reproducible | sha256sum
            find . -depth | sort | cpio --quiet -pdm "$OTHER/copy" && diff -r --no-dereference . "$OTHER/copy"
            """
        ),
        Tool(
            "rsync",
            "twice: the second time it copies nothing",
            """
            rsync -ai ./ "$OTHER/copy/" | sort
            rsync -ai ./ "$OTHER/copy/"
            rsync -ai --checksum ./ "$OTHER/copy/"
            """
        ),
        Tool(
            "zip",
            "an archive with symlinks",
            """
            find . | sort | zip -qyX@ "$OTHER/library.zip"
            sha256sum < "$OTHER/library.zip"
            """
        ),
        Tool("gzip", "an attachment", "gzip -nc @acme/call-summary/v1/context/hold-music.wav | sha256sum"),
        Tool(
            "sed",
            "`-i`, which writes",
            "sed -i s/a/b/ @acme/sales-email/v1/content.md 2>&1 | sed 's/.*: //'",
            .prints("Read-only file system\n", because: "nothing can be written")
        ),
    ]

    /// A text of a few lines, and the word that shows that it is there.
    private static let page = "@acme/incident-report/v1/content.md"
    private static let word = "blameless"

    private static let showing = [
        Tool(
            "vim",
            "prints; is shown on a terminal",
            """
            for file in @*/*/latest/content.md; do vim -es -u NONE -i NONE -n "$file" +%print +qa!; done
            screen 'vim -u NONE -i NONE \(page)' \(word) :q Enter
            """
        ),
        Tool(
            "emacs",
            "prints; is shown on a terminal",
            """
            emacs -Q --batch --eval '(dolist (file (file-expand-wildcards "@*/*/v1/content.md"))
                (with-temp-buffer (insert-file-contents file) (princ (buffer-string))))'
            screen "emacs -Q -nw --eval '(setq inhibit-startup-screen t)' \(page)" \(word) C-x C-c
            """
        ),
        Tool("nano", "is shown on a terminal", "screen 'nano -I \(page)' \(word) C-x"),
        Tool(
            "less",
            "on a terminal and in a pipe",
            "screen 'less \(page)' \(word) q; less @acme/*/v1/content.md | cat"
        ),
        Tool("more", "on a terminal", "screen 'more \(page)' \(word) q"),
        Tool(
            "bat",
            "with colours, numbers and sizes",
            """
            batcat --no-config --color=always --style=full @acme/*/latest/*.md
            batcat --no-config --color=always @acme/*/latest/metadata.json
            """
        ),
        Tool("mc", "its panels, and its viewer", "screen 'mc -u -b -v \(page)' \(word) F10"),
        Tool("nnn", "its list", "screen 'nnn -A @acme/incident-report/v1' content.md q"),
        Tool(
            "file",
            "what all files are",
            "find . -type f -print0 | sort -z | xargs -0 file; file --mime @acme/*/v*/context/*"
        ),
        Tool(
            "jq",
            "metadata; it prints what is written",
            """
            find . -name metadata.json -print0 | sort -z | xargs -0 jq -c '[.id, .title, .version, .context]'
            for file in $(find . -name metadata.json); do jq -S . "$file" | cmp - "$file"; done
            """
        ),
    ]

    private static let languages = [
        Tool(
            "python3",
            "`os.scandir`, `mmap`",
            """
            python3 -c '
            import hashlib, mmap, os
            def walk(path):
                for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        walk(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        with open(entry.path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
                            print(entry.path, status.st_size, status.st_mtime_ns, hashlib.sha256(memory).hexdigest())
            walk(".")'
            """
        ),
        Tool(
            "python3",
            "`shutil.copytree`",
            """
            python3 -c 'import shutil, sys; shutil.copytree(".", sys.argv[1], symlinks=True)' "$OTHER/copy"
            cd "$OTHER/copy" && find . -printf '%P %y %m %T@ %l\\n' | sort
            """
        ),
        Tool(
            "node",
            "`readdirSync`, `readFileSync`, `cpSync`",
            """
            node -e '
            const fs = require("fs"), crypto = require("crypto")
            for (const file of fs.readdirSync(".", { recursive: true }).sort()) {
                const status = fs.lstatSync(file)
                if (status.isSymbolicLink()) console.log(file, fs.readlinkSync(file))
                if (!status.isFile()) continue
                const hash = crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex")
                console.log(file, status.size, status.mtimeMs, hash)
            }
            fs.cpSync(".", process.argv[1], { recursive: true, verbatimSymlinks: true })' "$OTHER/copy"
            diff -r --no-dereference . "$OTHER/copy"
            """
        ),
        Tool(
            "perl",
            "`File::Find`, `Digest::SHA`",
            """
            perl -MFile::Find -MDigest::SHA -e '
                sub show { print "$_ ", -s, " ", (stat)[9], " ", Digest::SHA->new(256)->addfile($_)->hexdigest, "\\n" }
                find({ no_chdir => 1, preprocess => sub { sort @_ }, wanted => sub { show if -f && !-l } }, ".")'
            """
        ),
        Tool(
            "busybox",
            "find, sha256sum, grep, diff, tar, vi",
            """
            busybox find . -type f -print0 | busybox sort -z | busybox xargs -0 busybox sha256sum
            busybox grep -rn the @acme | busybox sort
            busybox diff -r @acme/sales-email/v1 @acme/sales-email/v2
            busybox tar cf - @acme | busybox tar tf - | busybox sort
            screen 'busybox vi -R \(page)' \(word) :q! Enter
            """
        ),
    ]

    private static let system = [
        Tool(
            "getfattr",
            "extended attributes, without the option `xattr`",
            "getfattr -d @acme/sales-email/v1/content.md 2>&1",
            .prints(
                "getfattr: @acme/sales-email/v1/content.md: Operation not supported\n",
                because: "so that the kernel need not ask for them"
            )
        ),
        Tool(
            "findmnt, mountpoint",
            "the mount",
            "findmnt -n -o FSTYPE -T @acme; mountpoint -q . && echo yes",
            .prints("fuse.claro\nyes\n", because: "it is a mount")
        ),
        Tool(
            "inotifywait",
            "another process that opens, reads and closes a file",
            """
            cd @acme/sales-email/v1
            for event in open access close_nowrite; do
                : > "$OTHER/ready"
                inotifywait -t 60 -e "$event" --format '%e %w' content.md > "$OTHER/seen" 2> "$OTHER/ready" &
                await grep -q established "$OTHER/ready"
                cat content.md
                wait $! && cat "$OTHER/seen"
            done
            """
        ),
        Tool(
            "flock",
            "shared and exclusive locks",
            """
            cd @acme/sales-email/v1
            flock -n -s content.md flock -n -s content.md cat content.md
            flock -n content.md flock -n content.md echo twice || echo once
            """
        ),
        Tool(
            "overlayfs",
            "the library as its lower layer: reads, changes, renames, removals",
            """
            unshare -m bash -ec '
            mount -t tmpfs none "$OTHER"
            mkdir "$OTHER/upper" "$OTHER/work" "$OTHER/merged"
            mount -t overlay none -o "lowerdir=$PWD,upperdir=$OTHER/upper,workdir=$OTHER/work" "$OTHER/merged"
            cd "$OTHER/merged"
            find . -type f -print0 | sort -z | xargs -0 sha256sum
            echo more >> @acme/sales-email/v1/content.md
            rm @acme/sales-email/v2/content.md @acme/refund-decision/latest
            mkdir @acme/new
            mv @acme/release-notes/v3/context/logo.png @acme/new/
            find @acme -type f -print0 | sort -z | xargs -0 sha256sum'
            """
        ),
        Tool(
            "mount --bind",
            "the library, and a version of it, in another place",
            """
            unshare -m bash -ec '
            mkdir "$OTHER/all" "$OTHER/version"
            mount --bind . "$OTHER/all"
            mount --bind @acme/sales-email/v2 "$OTHER/version"
            cd "$OTHER"
            find . -type f -print0 | sort -z | xargs -0 sha256sum
            find . -type l | sort | xargs readlink'
            """
        ),
        Tool(
            "chroot",
            "a system that the library is part of",
            """
            unshare -m bash -ec '
            mkdir "$OTHER/usr" "$OTHER/prompts"
            cp -a /bin /lib /lib64 "$OTHER/"
            mount --bind /usr "$OTHER/usr"
            mount --bind . "$OTHER/prompts"
            chroot "$OTHER" /bin/sh -c "cd /prompts; find . -type f -print0 | sort -z | xargs -0 sha256sum"'
            """
        ),
    ]
}

// swift-tools-version: 6.2

import PackageDescription

/// Whether the fuzz targets are built, as a program of libFuzzer (scripts/fuzz).
let isFuzzing = Context.environment["CLARO_FUZZ"] != nil

/// What libFuzzer needs of each module that it is to explore: optimised, with its coverage.
let fuzzing = ["-O", "-sanitize=fuzzer,address", "-profile-generate", "-profile-coverage-mapping"]

/// Every target is Swift 6, free of warnings, and leaves the caller's thread only where it says so.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .unsafeFlags(isFuzzing ? fuzzing : []),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "mount.claro",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        // libfuse3 behind plain structs and opaque pointers.
        .target(
            name: "CFUSE",
            cSettings: [.define("_FILE_OFFSET_BITS", to: "64"), .define("_GNU_SOURCE")],
            linkerSettings: [.linkedLibrary("fuse3")]
        ),
        // libcurl's multi interface, with shims for its variadic calls.
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        // Headers of the system that Swift's Glibc module leaves out.
        .systemLibrary(name: "CLinux"),

        // A typed low-level FUSE session; knows nothing of Claro.
        .target(name: "FUSE", dependencies: ["CFUSE", systemPackage], swiftSettings: strict),
        // The HTTP API as Swift calls.
        .target(name: "ClaroAPI", dependencies: ["CCurl", "CLinux", crypto, logging], swiftSettings: strict),
        // Inodes, names, freshness, caches: where the two meet.
        .target(
            name: "ClaroFS",
            dependencies: ["FUSE", "ClaroAPI", crypto, grdb, logging, systemPackage],
            swiftSettings: strict
        ),
        // What both commands need of the system and of their users: options, the key, the mount table.
        .target(
            name: "ClaroCommand",
            dependencies: ["ClaroFS", "ClaroAPI", logging, systemPackage],
            swiftSettings: strict
        ),
        // The command that mounts.
        .executableTarget(
            name: "mount.claro",
            dependencies: [
                "CLinux", "ClaroCommand", "ClaroFS", "ClaroAPI", "FUSE", argumentParser, logging, systemPackage,
            ],
            swiftSettings: strict
        ),

        // The command that looks after mounts and stores, and works without a mount.
        .executableTarget(
            name: "claro",
            dependencies: ["ClaroCommand", "ClaroFS", "ClaroAPI", argumentParser, logging, systemPackage],
            swiftSettings: strict
        ),

        // The API once more, served on loopback from memory or from a directory: a second reading, free of the first.
        .target(
            name: "ClaroEmulator",
            dependencies: [
                .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "claro-emulator",
            dependencies: ["ClaroEmulator", argumentParser],
            swiftSettings: strict
        ),
        // What the mount's own work costs, call by call.
        .executableTarget(
            name: "claro-bench",
            dependencies: ["ClaroFS", "ClaroAPI", "ClaroEmulator", "FUSE", logging],
            swiftSettings: strict
        ),

        .testTarget(
            name: "ClaroAPITests",
            dependencies: ["ClaroAPI", "ClaroEmulator", logging],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ClaroFSTests",
            dependencies: ["ClaroFS", "ClaroAPI", "FUSE", "TestSupport", grdb, logging, systemPackage],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ClaroEmulatorTests",
            dependencies: ["ClaroEmulator", "claro-emulator"],
            swiftSettings: strict
        ),
        .testTarget(name: "FUSETests", dependencies: ["FUSE", "TestSupport", systemPackage], swiftSettings: strict),
        .testTarget(
            name: "MountClaroTests",
            dependencies: ["mount.claro", "ClaroCommand", "ClaroAPI", "ClaroFS", logging, systemPackage],
            swiftSettings: strict
        ),
        .testTarget(
            name: "MountTests",
            dependencies: ["ClaroEmulator", "TestSupport", "claro-emulator", "mount.claro"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ClaroTests",
            dependencies: ["ClaroEmulator", "TestSupport", "claro", "mount.claro"],
            swiftSettings: strict
        ),
        // Child processes and scratch directories for tests.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

// What strangers send and callers type, thrown at what reads it: tests of what was found, or the program that finds it.
let fuzzed: [Target.Dependency] = [
    "CCurl", "CLinux", "ClaroAPI", "ClaroCommand", "ClaroFS", "FUSE", crypto, grdb, logging, systemPackage,
]
if isFuzzing {
    package.targets.append(
        .executableTarget(
            name: "claro-fuzz",
            dependencies: fuzzed,
            path: "Tests/FuzzTests",
            exclude: ["Corpora", "CorpusTests.swift", "PlantedBugs", "json.dict"],
            swiftSettings: strict,
            linkerSettings: [.unsafeFlags(fuzzing + ["-use-ld=lld"])]
        )
    )
} else {
    package.targets.append(
        .testTarget(
            name: "FuzzTests",
            dependencies: fuzzed,
            exclude: ["Corpora", "Fuzzer", "PlantedBugs", "json.dict"],
            swiftSettings: strict
        )
    )
}

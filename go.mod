module github.com/ottla-streams/ottla

go 1.27.0

toolchain go1.27.4

// The Python for Windows that the guide's example runs on in tests: CPython of python-build-standalone,
// as this module carries it. It is a module of its own so that its dependencies stay out of the product's.
module holdfast/build/wine/python

go 1.26.0

require github.com/kluctl/go-embed-python v0.0.0-3.11.11-20241219-1

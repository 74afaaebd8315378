// Package faults tries every fault that Holdfast promises to survive on the real binary, and says of each
// one what it measured: one line with the name, the figure, the target and the verdict. The lines
// are kept in build/out/faults.txt.
//
// The tests have the build tag faults and run from build/test faults, in a short form of a few minutes;
// with HOLDFAST_FAULTS=full they take as long as the targets ask for.
package faults

// Package dagrun decides how one run of a DAG goes on: which task instances are to be
// queued, skipped or failed given the states of the others, what a mapped task becomes, what
// a branch leaves out, whether an instance may have a slot given what is taken, and how the
// run ends.
//
// All of it is pure: values go in (the DAG, states, counts, a moment), decisions come out.
// It knows no store, no clock, no context and no log; whoever has these asks it.
package dagrun

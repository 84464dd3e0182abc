// Package whole has tests of all that the real program serves: its pages in a real browser. A page needs no line here: the
// routes of the pages are asked for, and their parts filled in.
package whole

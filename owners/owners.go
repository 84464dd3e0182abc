// Package owners knows the people behind the owners of tasks: whom an alert notifies.
//
// What an entry of the setting says is known at once. What is looked up, in a directory, a
// database or a sheet, is looked up beforehand by package lookup and kept: an alert is written
// in the transaction that ends a task, which cannot wait for anything, and it must be told when
// the database with the table of who is on call is what has just failed.
package owners

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// People are those behind an owner. A list may be empty and holds nobody twice.
type People struct {
	// Mobiles are mobile numbers as DingTalk takes them in atMobiles.
	Mobiles []string `json:"mobiles,omitempty"`
	// UserIDs are DingTalk user ids.
	UserIDs []string `json:"user_ids,omitempty"`
	// Emails are mail addresses.
	Emails []string `json:"emails,omitempty"`
}

// Nobody reports whether a chat could notify none of them.
func (p *People) Nobody() bool { return len(p.Mobiles) == 0 && len(p.UserIDs) == 0 }

// Add adds those of other who are not there yet.
func (p *People) Add(other People) {
	p.Mobiles = Union(p.Mobiles, other.Mobiles)
	p.UserIDs = Union(p.UserIDs, other.UserIDs)
	p.Emails = Union(p.Emails, other.Emails)
}

// Union is a list followed by what another one has besides. It leaves both as they are.
func Union(list, more []string) []string {
	out := slices.Clip(list)
	for _, text := range more {
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// Entry is an owner in a [Book].
type Entry struct {
	Name string
	// Pos is where the entry stands.
	Pos dag.Position
	// People are those that the entry itself names.
	People People
	// Lookup finds more of them; nil for none.
	Lookup Lookup
}

// Answer is what is known from looking an owner up.
type Answer struct {
	// Key is that of the [Lookup]: the answer to another question is none.
	Key string
	// People are those of the last look-up that succeeded, at At. It is zero when none did.
	People People
	At     time.Time
	// FailedSince is when the first of the look-ups since then failed, zero when none did, and
	// Error what the last one said, without secrets.
	FailedSince time.Time
	Error       string
}

// Book is all owners that are known, with their people. A nil one knows none. It is safe for
// concurrent use.
type Book struct {
	entries map[string]*Entry

	mu      sync.Mutex
	answers map[string]Answer
}

// New returns a book of entries with different names.
func New(entries ...*Entry) *Book {
	b := &Book{entries: make(map[string]*Entry, len(entries)), answers: map[string]Answer{}}
	for _, e := range entries {
		b.entries[e.Name] = e
	}
	return b
}

// Entries are the owners by name.
func (b *Book) Entries() []*Entry {
	if b == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(b.entries), func(x, y *Entry) int { return strings.Compare(x.Name, y.Name) })
}

// SetAnswer notes what looking an owner up gave.
func (b *Book) SetAnswer(name string, a Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[name] = a
}

// Answer returns what is known from looking an owner up, false when nothing is.
func (b *Book) Answer(name string) (Answer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.answers[name]
	e := b.entries[name]
	return a, ok && e != nil && e.Lookup != nil && e.Lookup.Key() == a.Key
}

// Found is who an owner is.
type Found struct {
	People
	// Problem says why people are missing, or may be, in words for people; empty when all is well.
	Problem string
}

// Of finds the people of an owner, or of several separated by commas, as Airflow has them. It
// does no I/O. Of [dag.DefaultOwner], which tasks have that name none, nobody is expected.
func (b *Book) Of(owner string) (f Found) {
	if b == nil {
		return f
	}
	var problems []string
	for _, name := range Names(owner) {
		people, problem := b.one(name)
		f.Add(people)
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	f.Problem = strings.Join(problems, "; ")
	return f
}

// one finds the people of one name.
func (b *Book) one(name string) (People, string) {
	e := b.entries[name]
	switch {
	case e == nil && name == dag.DefaultOwner:
		return People{}, ""
	case e == nil:
		return People{}, b.unknown(name)
	case e.Lookup == nil:
		return e.People, ""
	}
	people := e.People
	a, known := b.Answer(name)
	if !known {
		return people, name + " has not been looked up yet"
	}
	people.Add(a.People)
	switch {
	case !a.FailedSince.IsZero() && a.At.IsZero():
		return people, fmt.Sprintf("%s could not be looked up since %s", name, moment(a.FailedSince))
	case !a.FailedSince.IsZero():
		return people, fmt.Sprintf("%s could not be looked up since %s, this is who it was at %s", name, moment(a.FailedSince), moment(a.At))
	case a.People.Nobody():
		return people, fmt.Sprintf("looking up %s found nobody at %s", name, moment(a.At))
	}
	return people, ""
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func (b *Book) unknown(name string) string {
	return fmt.Sprintf("the setting owners has no %q%s", yamlvalue.Excerpt(name), yamlvalue.DidYouMean(name, maps.Keys(b.entries)))
}

// Check says which of the names of an owner nobody is behind, whatever a look-up gives; empty
// when there is none.
func (b *Book) Check(owner string) string {
	if b == nil {
		return ""
	}
	var problems []string
	for _, name := range Names(owner) {
		if b.entries[name] == nil && name != dag.DefaultOwner {
			problems = append(problems, b.unknown(name))
		}
	}
	return strings.Join(problems, "; ")
}

// Names are the names in an owner, which commas separate.
func Names(owner string) (names []string) {
	for name := range strings.SplitSeq(owner, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

package sqlmigrate

import (
	"regexp"
	"strings"
)

// Work is what a statement of a migration does to a table.
type Work string

// The kinds of work.
const (
	// Creates makes a new table: nobody waits.
	Creates Work = "creates"
	// Brief locks the table for a moment, however large it is.
	Brief Work = "locks briefly"
	// Reads reads all rows, for an index or to check them, and nobody writes the table meanwhile.
	Reads Work = "blocks writers while it reads all rows"
	// Changes changes rows, as any other transaction does.
	Changes Work = "changes rows"
	// Rewrites writes all rows anew, and nobody reads or writes the table meanwhile.
	Rewrites Work = "blocks everybody while it rewrites all rows"
	// Unknown is anything else.
	Unknown Work = "does something else"
)

// Large reports whether it takes longer the more rows a table has.
func (w Work) Large() bool { return w == Reads || w == Changes || w == Rewrites || w == Unknown }

// Effect is what a statement does to a table. The table of an index that is dropped, and of what is not known, is "".
type Effect struct {
	Table string
	Work  Work
}

// kinds are how statements begin, with the table, and what they do to it.
var kinds = []struct {
	begins *regexp.Regexp
	work   Work
}{
	{regexp.MustCompile(`(?i)^CREATE TABLE (?:IF NOT EXISTS )?(\w+) `), Creates},
	{regexp.MustCompile(`(?i)^CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?\w+ ON (\w+) `), Reads},
	{regexp.MustCompile(`(?i)^ALTER TABLE (\w+) ADD COLUMN \w+ .*\b(?:GENERATED|DEFAULT \(?\w+\()`), Rewrites},
	{regexp.MustCompile(`(?i)^ALTER TABLE (\w+) ALTER COLUMN \w+ (?:SET DATA )?TYPE `), Rewrites},
	{regexp.MustCompile(`(?i)^ALTER TABLE (\w+) (?:ADD CONSTRAINT|ADD UNIQUE|ADD PRIMARY|ADD CHECK|ALTER COLUMN \w+ SET NOT NULL)`), Reads},
	{regexp.MustCompile(`(?i)^ALTER TABLE (\w+) (?:ADD COLUMN|DROP COLUMN|RENAME|ALTER COLUMN \w+ (?:SET DEFAULT|DROP)|DROP CONSTRAINT)`), Brief},
	{regexp.MustCompile(`(?i)^DROP TABLE (?:IF EXISTS )?(\w+)`), Brief},
	{regexp.MustCompile(`(?i)^DROP INDEX ()`), Brief},
	{regexp.MustCompile(`(?i)^UPDATE (\w+) `), Changes},
	{regexp.MustCompile(`(?i)^DELETE FROM (\w+)`), Changes},
	{regexp.MustCompile(`(?i)^INSERT (?:OR \w+ )?INTO (\w+) `), Changes},
}

// effect is what a statement does, whose words have one space between them.
func effect(statement string) Effect {
	for _, k := range kinds {
		if m := k.begins.FindStringSubmatch(statement); m != nil {
			return Effect{m[1], k.work}
		}
	}
	return Effect{Work: Unknown}
}

// statements are those of a text without comments, with one space between words.
func statements(text string) (all []string) {
	var b strings.Builder
	end := func() {
		if s := strings.Join(strings.Fields(b.String()), " "); s != "" {
			all = append(all, s)
		}
		b.Reset()
	}
	for quoted := false; text != ""; text = text[1:] {
		switch {
		case text[0] == '\'':
			quoted = !quoted
		case quoted:
		case strings.HasPrefix(text, "--"):
			_, text, _ = strings.Cut(text, "\n")
			text = "\n" + text
		case text[0] == ';':
			end()
			continue
		}
		b.WriteByte(text[0])
	}
	end()
	return all
}

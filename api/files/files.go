// Package files tells what is wrong with the DAG files as they are now, with the places marked in them.
package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
)

const (
	// around is how many lines before and behind a place are shown, wide how many characters of one.
	around = 3
	wide   = 300
	// maxFile is how many bytes of a file are read.
	maxFile = 1 << 20
)

// Options are what [Files] stand on. Findings and Masker are required.
type Options struct {
	// Store may be nil while there is none: then nobody knows since when something is wrong.
	Store Store
	// Visible are the DAGs that whoever asks may see, see [access.OnlyOf]. Who is limited sees what is wrong with these, and with files
	// that have no other; the lines around a place only in such files.
	Visible func(ctx context.Context) ([]string, error)
	// Findings reads all DAG files. Its error says so when the folder cannot be read.
	Findings func() (dag.Diagnostics, error)
	Masker   *connections.Masker
}

// Files answers. It keeps nothing between two calls.
type Files struct{ o Options }

// New returns Files.
func New(o Options) *Files { return &Files{o} }

// File is a DAG file with something wrong in it.
type File struct {
	Name string
	// Errors and Warnings count its findings.
	Errors, Warnings int
	// Since is when the process that schedules saw first that it can't be loaded; nil while it has not, or it can.
	Since    *time.Time
	Findings []Finding
}

// Finding is one thing that is wrong.
type Finding struct {
	// Line and Column count from 1; they are 0 where it has no place.
	Line, Column int
	Error        bool
	// DAGs are those that it concerns; none is the whole file.
	DAGs   []string
	TaskID string
	Text   string
	// Lines are those around the place; none where the file cannot be read.
	Lines []Line
}

// Line is a line of a file, secrets masked.
type Line struct {
	Number int
	// Here says that it has the place. Marked is what is there, between Before and After; of other lines Before is all.
	Here                  bool
	Before, Marked, After string
}

// List returns the files with findings: those with errors first, then by name. With warnings it has those that can be loaded too.
func (f *Files) List(ctx context.Context, warnings bool) ([]File, error) {
	found, err := f.o.Findings()
	if err != nil {
		return nil, err
	}
	mine, err := access.OnlyOf(ctx, f.o.Visible)
	if err != nil {
		return nil, err
	}
	own, err := OwnOf(ctx, f.o.Store, mine)
	if err != nil {
		return nil, err
	}
	open, err := ImportErrors(ctx, f.o.Store, mine, f.o.Masker.Mask)
	if err != nil {
		return nil, err
	}
	since := map[string]time.Time{}
	for _, e := range open {
		if t, ok := since[e.Filename]; !ok || e.Timestamp.Before(t) {
			since[e.Filename] = e.Timestamp
		}
	}
	found = slices.Clone(own.Of(found))
	found.Sort()
	var out []File
	texts := map[string][]string{}
	for _, d := range found {
		if d.Severity != dag.Error && !warnings {
			continue
		}
		if len(out) == 0 || out[len(out)-1].Name != d.File {
			out = append(out, File{Name: d.File})
			if t, ok := since[d.File]; ok {
				out[len(out)-1].Since = &t
			}
			if own.Whole(d.File) {
				if texts[d.File], err = lines(d.File); err != nil {
					return nil, err
				}
			}
		}
		out[len(out)-1].add(f.finding(d, texts[d.File]))
	}
	slices.SortStableFunc(out, func(a, b File) int { return cmp.Compare(min(b.Errors, 1), min(a.Errors, 1)) })
	return out, nil
}

func (f *File) add(n Finding) {
	if n.Error {
		f.Errors++
	} else {
		f.Warnings++
	}
	f.Findings = append(f.Findings, n)
}

// lines reads the lines of a file, which a finding names. That it is gone, or nobody may read it, is what the finding says.
func lines(name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name) //nolint:gosec // the loader has named it
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a DAG file: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err = errors.Join(err, file.Close()); err != nil {
		if _, ok := errors.AsType[*fs.PathError](err); ok { // a folder, for instance: the finding says it
			return nil, nil
		}
		return nil, fmt.Errorf("read a DAG file: %w", err)
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, nil // no text
	}
	return strings.Split(strings.ToValidUTF8(string(text), "\uFFFD"), "\n"), nil
}

// finding is a finding with the lines around it.
func (f *Files) finding(d dag.Diagnostic, text []string) Finding {
	n := Finding{Line: d.Line, Column: d.Column, Error: d.Severity == dag.Error, TaskID: d.TaskID, Text: f.o.Masker.Mask(d.Text)}
	if d.DAGID != "" {
		n.DAGs = append(n.DAGs, d.DAGID)
	}
	n.DAGs = append(n.DAGs, d.Also...)
	if d.Line < 1 || d.Line > len(text) {
		return n
	}
	for i := max(1, d.Line-around); i <= min(len(text), d.Line+around); i++ {
		is := strings.TrimSuffix(text[i-1], "\r")
		l := Line{Number: i, Here: i == d.Line, Before: cut(f.o.Masker.Mask(is))}
		if l.Here && l.Before == is { // otherwise the column is of another text
			l.mark(d.Column)
		}
		n.Lines = append(n.Lines, l)
	}
	if last := len(n.Lines) - 1; n.Lines[last].Before == "" && !n.Lines[last].Here {
		n.Lines = n.Lines[:last] // behind the end of the file
	}
	return n
}

// cut cuts the end off a line that is too long.
func cut(line string) string {
	if r := []rune(line); len(r) > wide {
		return string(r[:wide]) + "…"
	}
	return line
}

// mark marks the word at a column.
func (l *Line) mark(column int) {
	r := []rune(l.Before)
	begin := column - 1
	if begin < 0 || begin >= len(r) {
		return
	}
	end := begin + 1
	for end < len(r) && !unicode.IsSpace(r[end]) && !strings.ContainsRune(`,:[]{}"'#`, r[end]) {
		end++
	}
	l.Before, l.Marked, l.After = string(r[:begin]), string(r[begin:end]), string(r[end:])
}

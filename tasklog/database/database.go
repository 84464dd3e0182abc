// Package database keeps task logs in the database of the store, for those who have no shared folder and no object storage. A database
// is a dear place for logs, so that each has a bound.
package database

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/tasklog"
)

const (
	// DefaultMaxBytes is how much of a log is kept.
	DefaultMaxBytes = 8 << 20
	// MinMaxBytes is the least that can be set.
	MinMaxBytes = 64 << 10
	// chunkSize is how much text a row of the database has, before it is compressed.
	chunkSize = 64 << 10
	// chunksAtOnce is how many rows a transaction writes, reads or removes at most: others wait meanwhile.
	chunksAtOnce = 8
	// leastPart is how much of a part is kept of a log that has reached its bound.
	leastPart = 8 << 10
)

// Database is what the store needs of [store.Store].
type Database interface {
	store.TaskLogs
	store.Transactor
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	db  Database
	max int64
}

// New is the store in a database, which keeps at most maxBytes of a log; 0 is [DefaultMaxBytes]. Of what is longer the middle is left
// out, and a line says so in its place.
func New(db Database, maxBytes int64) *Store {
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	return &Store{db, max(maxBytes, MinMaxBytes)}
}

// String says so.
func (s *Store) String() string { return "the database" }

// Close does nothing: the database is somebody else's.
func (s *Store) Close() error { return nil }

// Put writes a part in transactions of a few rows, see [tasklog.Store].
func (s *Store) Put(ctx context.Context, name string, p tasklog.Part, text io.Reader) error {
	if err := tasklog.CheckName(name); err != nil {
		return err
	}
	left, err := s.left(ctx, name, p)
	if err != nil {
		return err
	}
	from := io.LimitReader(text, p.Size)
	if p.Size > left {
		if from, err = s.cut(text, p.Size, left); err != nil {
			return fmt.Errorf("keep a task log: %w", err)
		}
	}
	row := &store.TaskLogPart{Name: name, Start: p.Start, Node: p.Node}
	read := int64(0)
	for number, more := 0, true; more; {
		var chunks [][]byte
		for len(chunks) < chunksAtOnce && more {
			c := make([]byte, chunkSize)
			n, err := io.ReadFull(from, c)
			if more = err == nil; err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("keep a task log: %w", err)
			}
			read += int64(n)
			if n > 0 {
				packed, err := pack(c[:n])
				if err != nil {
					return fmt.Errorf("keep a task log: %w", err)
				}
				chunks = append(chunks, packed)
			}
		}
		if !more && p.Size <= left && read < p.Size {
			return fmt.Errorf("keep a task log: %w", io.ErrUnexpectedEOF)
		}
		row.Size = read
		if err := s.write(ctx, row, number, chunks, !more); err != nil {
			return err
		}
		number += len(chunks)
	}
	return nil
}

// write writes some chunks, with the row before the first and its end behind the last ones.
func (s *Store) write(ctx context.Context, row *store.TaskLogPart, number int, chunks [][]byte, last bool) error {
	return s.db.Tx(ctx, func(tx store.Tx) error {
		if number == 0 {
			if err := tx.StartTaskLog(ctx, row); err != nil {
				return err
			}
		}
		for i, c := range chunks {
			if err := tx.PutTaskLogChunk(ctx, row.ID, number+i, c); err != nil {
				return err
			}
		}
		if !last {
			return nil
		}
		return tx.EndTaskLog(ctx, row)
	})
}

// left is how much of a part is kept, beside the other parts of its log.
func (s *Store) left(ctx context.Context, name string, p tasklog.Part) (int64, error) {
	parts, err := s.Parts(ctx, name)
	left := s.max
	for _, other := range parts {
		if other.Compare(p) != 0 {
			left -= other.Size
		}
	}
	return max(left, leastPart), err
}

// cut is the beginning and the end of a text, to a whole line, with a line between that says what is left out.
func (s *Store) cut(text io.Reader, size, keep int64) (io.Reader, error) {
	head, tail := make([]byte, keep/2), make([]byte, keep-keep/2)
	if _, err := io.ReadFull(text, head); err != nil {
		return nil, whole(err)
	}
	pass := size - int64(len(head)) - int64(len(tail))
	if seeker, ok := text.(io.Seeker); ok {
		if _, err := seeker.Seek(pass, io.SeekCurrent); err != nil {
			return nil, err
		}
	} else if _, err := io.CopyN(io.Discard, text, pass); err != nil {
		return nil, whole(err)
	}
	if _, err := io.ReadFull(text, tail); err != nil {
		return nil, whole(err)
	}
	if i := bytes.LastIndexByte(head, '\n'); i >= 0 {
		head = head[:i+1]
	}
	if i := bytes.IndexByte(tail, '\n'); i >= 0 && i+1 < len(tail) {
		tail = tail[i+1:]
	}
	between := ""
	if len(head) > 0 && head[len(head)-1] != '\n' {
		between = "\n"
	}
	between += fmt.Sprintf("*** %d bytes of the log are left out here: the database keeps at most %d bytes of a log (log_store)\n", size-int64(len(head))-int64(len(tail)), s.max)
	return io.MultiReader(bytes.NewReader(head), bytes.NewReader([]byte(between)), bytes.NewReader(tail)), nil
}

// whole is the error of a text that is shorter than it should be.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func pack(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	err = errors.Join(err, w.Close()) // which writes the rest
	return b.Bytes(), err
}

func unpack(packed []byte) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), chunkSize))
	if err != nil {
		return nil, fmt.Errorf("a piece of it is damaged: %w", err)
	}
	return text, nil
}

// Parts lists the parts of a log, see [tasklog.Store].
func (s *Store) Parts(ctx context.Context, name string) (parts []tasklog.Part, err error) {
	if err := tasklog.CheckName(name); err != nil {
		return nil, err
	}
	rows, err := s.db.TaskLogParts(ctx, name)
	for _, r := range rows {
		parts = append(parts, tasklog.Part{Start: r.Start, Node: r.Node, Size: r.Size})
	}
	slices.SortFunc(parts, tasklog.Part.Compare)
	return parts, err
}

// ReadAt reads from a part, see [tasklog.Store].
func (s *Store) ReadAt(ctx context.Context, name string, p tasklog.Part, b []byte, off int64) (n int, err error) {
	rows, err := s.db.TaskLogParts(ctx, name)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(rows, func(r *store.TaskLogPart) bool {
		return tasklog.Part{Start: r.Start, Node: r.Node}.Compare(p) == 0
	})
	if i < 0 {
		return 0, fmt.Errorf("read from the database: %w", tasklog.ErrNone)
	}
	for n < len(b) {
		at := off + int64(n)
		if at >= rows[i].Size {
			return n, io.EOF
		}
		// As many chunks as what is left to read touches.
		want := int((at%chunkSize+int64(len(b)-n)-1)/chunkSize) + 1
		chunks, err := s.db.TaskLogChunks(ctx, rows[i].ID, int(at/chunkSize), min(want, chunksAtOnce))
		if err != nil {
			return n, err
		}
		if len(chunks) == 0 { // it was removed meanwhile
			return n, fmt.Errorf("read from the database: %w", tasklog.ErrNone)
		}
		skip := at % chunkSize
		for _, c := range chunks {
			text, err := unpack(c)
			if err != nil {
				return n, fmt.Errorf("read the task log %s from the database: %w", name, err)
			}
			if int64(len(text)) <= skip {
				return n, fmt.Errorf("read the task log %s from the database: a piece of it is damaged: %w", name, io.ErrUnexpectedEOF)
			}
			n += copy(b[n:], text[skip:])
			skip = 0
		}
	}
	return n, nil
}

// Remove removes parts in transactions of a few rows, see [tasklog.Store].
func (s *Store) Remove(ctx context.Context, folder string, before time.Time) (parts int, err error) {
	if err := tasklog.CheckFolder(folder); err != nil {
		return 0, err
	}
	for more := true; more; {
		err := s.db.Tx(ctx, func(tx store.Tx) error {
			n, m, err := tx.RemoveTaskLogs(ctx, folder, before, chunksAtOnce*chunksAtOnce)
			if err == nil {
				parts, more = parts+n, m
			}
			return err
		})
		if err != nil {
			return parts, err
		}
	}
	return parts, nil
}

// Count counts parts, see [tasklog.Store].
func (s *Store) Count(ctx context.Context, folder string) (int, error) {
	if err := tasklog.CheckFolder(folder); err != nil {
		return 0, err
	}
	return s.db.CountTaskLogs(ctx, folder)
}

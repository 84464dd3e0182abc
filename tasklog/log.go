package tasklog

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// The sizes of the blocks in which a log that is elsewhere is read: each that follows the one before is twice as long.
const (
	firstBlock = 128 << 10
	lastBlock  = 4 << 20
)

// Log is an open log, of the length that it had when it was opened. Of what is elsewhere it holds one block at a time, of at
// most 4 MiB, so that a long log can be searched without a copy of it. Who gets one closes it. ReadAt may be called
// concurrently.
type Log struct {
	pieces []piece
	size   int64
	pos    int64
}

// piece is a part of an open log.
type piece struct {
	at, size int64 // where it begins in the log, and how long it is
	from     io.ReaderAt
	close    func() error // nil for nothing
}

// add adds a piece behind the others.
func (l *Log) add(size int64, from io.ReaderAt, closes func() error) {
	l.pieces = append(l.pieces, piece{l.size, size, from, closes})
	l.size += size
}

// Size is how many bytes the log has.
func (l *Log) Size() int64 { return l.size }

// ReadAt reads from a place on.
func (l *Log) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("read a task log: a place before its beginning")
	}
	i, found := slices.BinarySearchFunc(l.pieces, off, func(p piece, off int64) int { return int(min(max(p.at-off, -1), 1)) })
	if !found {
		i--
	}
	for ; i >= 0 && i < len(l.pieces) && n < len(b); i++ {
		p := l.pieces[i]
		from := off + int64(n) - p.at
		if from >= p.size {
			continue
		}
		want := b[n:min(int64(len(b)), int64(n)+p.size-from)]
		got, err := p.from.ReadAt(want, from)
		if n += got; got == len(want) {
			continue
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // it is shorter than it was
		}
		return n, fmt.Errorf("read a task log: %w", err)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Read reads on.
func (l *Log) Read(b []byte) (int, error) {
	n, err := l.ReadAt(b, l.pos)
	l.pos += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Seek moves the place at which Read goes on.
func (l *Log) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += l.pos
	case io.SeekEnd:
		off += l.size
	}
	if off < 0 {
		return 0, errors.New("seek in a task log: a place before its beginning")
	}
	l.pos = off
	return off, nil
}

// Close closes it.
func (l *Log) Close() error {
	var errs []error
	for _, p := range l.pieces {
		if p.close != nil {
			errs = append(errs, p.close())
		}
	}
	return errors.Join(errs...)
}

// blocks reads from elsewhere in blocks.
type blocks struct {
	read func(b []byte, off int64) (int, error)
	size int64

	mu   sync.Mutex
	held []byte
	at   int64 // where held begins
	next int   // how long the next block is
}

// ReadAt reads from a place on, within size.
func (k *blocks) ReadAt(b []byte, off int64) (n int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for n < len(b) && off < k.size {
		if off < k.at || off >= k.at+int64(len(k.held)) {
			if err := k.fetch(off); err != nil {
				return n, err
			}
		}
		got := copy(b[n:], k.held[off-k.at:])
		n, off = n+got, off+int64(got)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// fetch reads the block that begins at a place.
func (k *blocks) fetch(off int64) error {
	if k.next = min(2*k.next, lastBlock); off != k.at+int64(len(k.held)) || k.next == 0 {
		k.next = firstBlock
	}
	n := int(min(int64(k.next), k.size-off))
	if cap(k.held) < n {
		k.held = make([]byte, n)
	}
	k.held, k.at = k.held[:0], off
	got, err := k.read(k.held[:n], off)
	k.held = k.held[:got]
	switch {
	case got > 0: // the rest is asked for again
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	default:
		return err
	}
}

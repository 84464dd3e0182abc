package connections

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// maxHeldLine is how much of a line without an end is held back, in bytes.
const maxHeldLine = 64 << 10

// MaskWriter passes text on with secrets masked. It passes whole lines, so a
// secret split over two writes is found; the end of a very long line is held
// back only as far as a secret can reach. Close or Flush passes the rest. It is
// safe for concurrent use. [Masker.Writer] makes one.
type MaskWriter struct {
	masker *Masker

	mu   sync.Mutex
	to   io.Writer
	held []byte
}

// Writer returns a writer that masks what it passes on to w. It does not close w.
func (m *Masker) Writer(w io.Writer) *MaskWriter { return &MaskWriter{masker: m, to: w} }

// Write implements [io.Writer]. An error is that of the writer below; what it
// did not take is lost.
func (w *MaskWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, p...)
	end := bytes.LastIndexByte(w.held, '\n') + 1
	if len(w.held)-end > maxHeldLine {
		end += w.masker.current.Load().safeCut(string(w.held[end:]))
	}
	if err := w.pass(end); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush passes on a line that has no end yet.
func (w *MaskWriter) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(len(w.held))
}

// Close flushes. The writer below stays open.
func (w *MaskWriter) Close() error { return w.Flush() }

func (w *MaskWriter) pass(n int) error {
	if n == 0 {
		return nil
	}
	text := w.masker.Mask(string(w.held[:n]))
	w.held = append(w.held[:0], w.held[n:]...)
	if _, err := io.WriteString(w.to, text); err != nil {
		return fmt.Errorf("write masked text: %w", err)
	}
	return nil
}

package connections

import (
	"fmt"
	"io"
	"sync"
)

// MaskWriter passes text on with secrets masked, at once and without waiting for
// the ends of lines, so that a progress line shows as it is written. It holds back
// only an end that could be the beginning of a secret, until the next write tells,
// so a secret split over several writes is found. Close or Flush passes that on as
// well. It is safe for concurrent use. [Masker.Writer] makes one.
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
	// One matcher for both, lest a secret that is added in between is cut in two.
	m := w.masker.current.Load()
	if err := w.pass(m, m.safeCut(string(w.held))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush passes on what is held back.
func (w *MaskWriter) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(w.masker.current.Load(), len(w.held))
}

// Close flushes. The writer below stays open.
func (w *MaskWriter) Close() error { return w.Flush() }

func (w *MaskWriter) pass(m *matcher, n int) error {
	if n == 0 {
		return nil
	}
	text := m.mask(string(w.held[:n]))
	w.held = append(w.held[:0], w.held[n:]...)
	if _, err := io.WriteString(w.to, text); err != nil {
		return fmt.Errorf("write masked text: %w", err)
	}
	return nil
}

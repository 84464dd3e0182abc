package folder

// Volatile reports whether the next look reads files although none has changed.
func (w *Watcher) Volatile() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.result.Volatile
}

package worker

import "context"

// progress is what the tries of one instance keep of their work.
type progress struct{ y *Try }

// Load returns what was saved last under a key, or "".
func (p progress) Load(ctx context.Context, key string) (string, error) {
	return p.y.w.o.Store.TaskProgress(ctx, &p.y.in, key)
}

// Save keeps a value under a key.
func (p progress) Save(ctx context.Context, key, value string) error {
	return p.y.w.o.Keep.KeepProgress(ctx, &p.y.in, key, value)
}

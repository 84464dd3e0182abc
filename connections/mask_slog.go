package connections

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
)

// Handler returns a log handler that masks the message and the attribute values
// of each record before next gets it. Text under a sensitive key is masked
// whole; keys are left as they are. Attributes given to With are masked with the
// secrets known by then, so register secrets first or mask the output as well,
// with [Masker.Writer].
func (m *Masker) Handler(next slog.Handler) slog.Handler { return maskHandler{m, next} }

type maskHandler struct {
	masker *Masker
	next   slog.Handler
}

func (h maskHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h maskHandler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.masker.Mask(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

func (h maskHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return maskHandler{h.masker, h.next.WithAttrs(h.attrs(attrs))}
}

func (h maskHandler) WithGroup(name string) slog.Handler {
	return maskHandler{h.masker, h.next.WithGroup(name)}
}

func (h maskHandler) attrs(attrs []slog.Attr) []slog.Attr {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return clean
}

func (h maskHandler) attr(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(h.attrs(value.Group())...)}
	case slog.KindString:
		if h.masker.SensitiveName(a.Key) {
			return slog.String(a.Key, masked)
		}
		return slog.String(a.Key, h.masker.Mask(value.String()))
	case slog.KindAny:
		if h.masker.SensitiveName(a.Key) {
			return slog.String(a.Key, masked)
		}
		return slog.Attr{Key: a.Key, Value: h.any(value)}
	default: // numbers, times and the like hold no secret text
		return slog.Attr{Key: a.Key, Value: value}
	}
}

// any keeps a value that shows no secret, so that the next handler formats it
// its own way, and replaces any other by masked text.
func (h maskHandler) any(value slog.Value) slog.Value {
	for _, text := range textsOf(value.Any()) {
		if clean := h.masker.Mask(text); clean != text {
			return slog.StringValue(clean)
		}
	}
	return value
}

// textsOf returns the ways in which handlers print a value.
func textsOf(value any) []string {
	if data, ok := value.([]byte); ok {
		return []string{string(data)}
	}
	texts := []string{fmt.Sprintf("%+v", value)}
	if _, ok := value.(error); ok {
		return texts
	}
	if data, err := json.Marshal(value); err == nil {
		texts = append(texts, string(data)) // it follows pointers, where %+v prints addresses
	}
	return texts
}

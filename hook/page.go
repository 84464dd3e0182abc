package hook

import (
	"context"
	"fmt"
)

// DefaultMaxItems bounds [All] when no other limit is given.
const DefaultMaxItems = 10000

// All walks the pages of a list until the last one or until it has limit items, for
// which 0 means [DefaultMaxItems]. The function page returns the items of the page at a
// cursor, the cursor of the next page, and whether there is one; first is the cursor
// that the first page has. It reports whether items were left out. After an error the
// items of the pages before it are returned with it.
func All[T any, C comparable](ctx context.Context, limit int, first C, page func(context.Context, C) ([]T, C, bool, error)) (items []T, left bool, err error) {
	if limit <= 0 {
		limit = DefaultMaxItems
	}
	seen := map[C]bool{}
	for cursor, more := first, true; more; {
		if seen[cursor] {
			return items, true, &Error{
				Op: "read all pages", Kind: KindUnavailable,
				Message: fmt.Sprintf("DingTalk named the page %v twice, after %d items", cursor, len(items)),
			}
		}
		seen[cursor] = true
		var found []T
		found, cursor, more, err = page(ctx, cursor)
		if err != nil {
			return items, true, err
		}
		items = append(items, found...)
		if len(items) > limit || len(items) == limit && more {
			return items[:limit], true, nil
		}
	}
	return items, false, nil
}

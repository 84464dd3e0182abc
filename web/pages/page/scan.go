package page

import (
	"strconv"

	"github.com/dingdag/dingdag/api"
)

const (
	// scanned is how many items Scan asks for at once, and scans how often it asks at most.
	scanned = 200
	scans   = 50
)

// Scan is a page of a list that has the newest first: up to want items that keep lets through, behind a cursor, which is the id of
// an item or empty. older is the cursor of the next page, empty on the last one. A page may be short where many items are not let
// through.
func Scan[T any](want int, cursor string, list func(api.Page) (api.List[T], error), id func(T) int64, keep func(T) (bool, error)) (items []T, older string, err error) {
	if cursor != "" {
		if _, err := Number(cursor); err != nil {
			return nil, "", Wrong("error.cursor")
		}
	}
	for range scans {
		l, err := list(api.Page{Limit: scanned, Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		for i, item := range l.Items {
			ok, err := keep(item)
			if err != nil {
				return nil, "", err
			}
			if !ok {
				continue
			}
			items = append(items, item)
			if len(items) == want {
				if i == len(l.Items)-1 && l.Next == "" {
					return items, "", nil
				}
				return items, strconv.FormatInt(id(item), 10), nil
			}
		}
		if cursor = l.Next; cursor == "" {
			break
		}
	}
	return items, cursor, nil
}

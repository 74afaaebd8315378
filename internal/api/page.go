package api

// Page is what every list takes. Inputs are embedded under exported names because huma reads no
// others.
type Page struct {
	Limit  int `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many entries to return."`
	Offset int `query:"offset" minimum:"0" default:"0" doc:"How many entries to skip."`
}

// List is one page of a list.
type List[T any] struct {
	Data  []T `json:"data" nullable:"false" doc:"The entries of this page."`
	Total int `json:"total" doc:"How many entries there are on all pages."`
}

// listOutput is a List as the answer of an operation.
type listOutput[T any] struct{ Body List[T] }

// cut takes the page out of all.
func cut[T any](all []T, p Page) List[T] {
	l := List[T]{Data: []T{}, Total: len(all)}
	if p.Offset < len(all) {
		l.Data = append(l.Data, all[p.Offset:min(p.Offset+p.Limit, len(all))]...)
	}
	return l
}

package main

import (
	"fmt"

	"github.com/ottla-streams/ottla/window"
)

// payment is an amount that left the account, and where from it was sent.
type payment struct {
	Amount  int64
	Country string
}

type login struct{ Country string }

type customer struct{ Limit int64 }

// alert is a suspicion. The zero alert is none.
type alert struct{ Rule, Text string }

func raised(_ string, a alert) bool { return a != alert{} }

// many is a number of payments in a window that is too high.
const many = 4

func burst(w window.Key[string], n int64) alert {
	return alert{"too many", fmt.Sprintf("%d payments from %s to %s",
		n, w.StartTime().UTC().Format("15:04"), w.EndTime().UTC().Format("15:04"))}
}

func overLimit(p payment, c customer) alert {
	if p.Amount <= c.Limit {
		return alert{}
	}
	return alert{"too high", fmt.Sprintf("paid %d with a limit of %d", p.Amount, c.Limit)}
}

func otherCountry(p payment, l login) alert {
	if p.Country == l.Country {
		return alert{}
	}
	return alert{"elsewhere", fmt.Sprintf("paid from %s after a login from %s", p.Country, l.Country)}
}

package main

import (
	"time"

	"github.com/ottla-streams/ottla/examples/demo"
)

// show sends products, customers and orders, and prints what is completed. Then
// a customer moves.
func show(d *demo.Demo) error {
	at := time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
	err := d.Send(products,
		demo.Record[string, product]{Key: "p1", Value: product{"tea", 450}, At: at},
		demo.Record[string, product]{Key: "p2", Value: product{"honey", 800}, At: at})
	if err != nil {
		return err
	}
	err = d.Send(customers,
		demo.Record[string, customer]{Key: "c1", Value: customer{"Ada", "London"}, At: at},
		demo.Record[string, customer]{Key: "c2", Value: customer{"Bo", "Oslo"}, At: at})
	if err != nil {
		return err
	}
	stop, err := d.Start(config, complete)
	if err != nil {
		return err
	}
	defer stop()
	for _, o := range []demo.Record[string, order]{
		{Key: "o1", Value: order{"c1", "p1", 2}, At: at.Add(1 * time.Minute)},
		{Key: "o2", Value: order{"c2", "p2", 1}, At: at.Add(2 * time.Minute)},
		{Key: "o3", Value: order{"c2", "p1", 3}, At: at.Add(3 * time.Minute)},
	} {
		d.Printf("order %s: %d of %s for %s\n", o.Key, o.Value.Pieces, o.Value.Product, o.Value.Customer)
		if err := d.Send(orders, o); err != nil {
			return err
		}
	}
	if err := printCompleted(d, 3); err != nil {
		return err
	}
	d.Printf("\nBo moves to Bergen:\n")
	moved := demo.Record[string, customer]{Key: "c2", Value: customer{"Bo", "Bergen"}, At: at.Add(4 * time.Minute)}
	if err := d.Send(customers, moved); err != nil {
		return err
	}
	return printCompleted(d, 2)
}

func printCompleted(d *demo.Demo, n int) error {
	records, err := d.Read(completeds, n)
	if err != nil {
		return err
	}
	for _, r := range records {
		c := r.Value
		d.Printf("%s to %s in %s: %d %s, %d.%02d in all\n", r.Key, c.Name, c.City, c.Pieces, c.Product, c.Total/100, c.Total%100)
	}
	return nil
}

package main

import (
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// The serdes of the values.
var (
	articleValues          = serde.Serde[*article](layout[article]{(*article).fields})
	commentValues          = serde.Serde[*comment](layout[comment]{(*comment).fields})
	augmentedArticleValues = serde.Serde[*augmentedArticle](layout[augmentedArticle]{(*augmentedArticle).fields})
	augmentedCommentValues = serde.Serde[*augmentedComment](layout[augmentedComment]{(*augmentedComment).fields})
)

// The topics and stores. The keys are those of articles and comments.
var (
	inArticles  = topology.NewTopic("in-article", serde.Int32, articleValues)
	inComments  = topology.NewTopic("in-comment", serde.Int32, commentValues)
	outArticles = topology.NewTopic("out-augmented-article", serde.Int32, augmentedArticleValues)
	outComments = topology.NewTopic("out-augmented-comment", serde.Int32, augmentedCommentValues)

	articleStore = state.KeyValue("articles", serde.Int32, articleValues)
	commentStore = state.KeyValue("comments", serde.Int32, commentValues)
	countStore   = state.KeyValue("counts", serde.Int32, serde.Int64)
)

// relational gives articles the numbers of their comments, and comments the
// beginning of their articles.
func relational() (*topology.Topology, error) {
	b := stream.NewBuilder()
	articles := b.Table(inArticles).Materialize(articleStore)
	comments := b.Table(inComments).Materialize(commentStore)
	counts := comments.
		GroupBy(func(_ int32, c *comment) (int32, int16) { return c.articleID, 1 }).Named("comments-by-article").
		Count(countStore)
	articles.
		LeftJoin(counts, func(a *article, n int64, _ bool) *augmentedArticle { return &augmentedArticle{*a, n} }).
		To(outArticles)
	comments.
		JoinForeign(articles, func(_ int32, c *comment) (int32, bool) { return c.articleID, true }, augment).Named("article-of-comment").
		To(outComments)
	return b.Build()
}

// prefixed is how many characters of its article a comment gets.
const prefixed = 10

func augment(c *comment, a *article) *augmentedComment {
	text := []rune(a.text)
	return &augmentedComment{*c, string(text[:min(prefixed, len(text))])}
}

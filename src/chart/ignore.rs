//! `.helmignore`: which files of a chart directory stay out of its package.

"""A chat page that streams from a deployed model. It is alone in its Space: it knows no other room."""

"""The comparison of both languages: what each recorded, tensor by tensor, to the bit."""

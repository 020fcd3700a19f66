"""What XGBoost scripts import from the image: `data_utils`, `encoder`, `distributed`."""
